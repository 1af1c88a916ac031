/* Who was given how many: a bar for each person, most first. The table below says the same and leads to the customers. */
import { $ } from "./dom.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const PAINTS = ["--st-talking", "--st-ringing"];
const ROW = 26; // pixels of a person's bar

function options(data) {
  const ink = colour("--c-ink-2");
  const line = { lineStyle: { color: colour("--c-line") } };
  return {
    animation: false,
    aria: { enabled: true },
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 150, right: 32, top: 34, bottom: 26 },
    legend: { top: 0, left: 0, textStyle: { color: ink } },
    tooltip: {
      trigger: "axis",
      axisPointer: { type: "shadow" },
      renderMode: "richText",
      backgroundColor: colour("--c-surface"),
      borderColor: colour("--c-line"),
      textStyle: { color: colour("--c-ink") },
    },
    xAxis: { type: "value", minInterval: 1, axisLabel: { color: ink }, splitLine: line },
    yAxis: { type: "category", inverse: true, data: data.names, axisLabel: { color: ink, width: 134, overflow: "truncate" }, axisLine: line, axisTick: { show: false } },
    series: data.series.map((one, place) => ({
      name: one.name,
      type: "bar",
      stack: "given",
      barMaxWidth: 16,
      itemStyle: { color: colour(PAINTS[place]), decal: place ? { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: 0.8 } : undefined },
      data: one.values,
    })),
  };
}

const holder = $('[data-chart="fairness"]');
if (holder) {
  const data = JSON.parse($(`#${holder.id}-data`).textContent);
  holder.style.height = `${Math.max(120, data.names.length * ROW + 64)}px`;
  const chart = globalThis.echarts.init(holder, null, { renderer: "canvas" });
  chart.setOption(options(data));
  chart.on("click", ({ dataIndex }) => location.assign(data.links[dataIndex]));
  new ResizeObserver(() => chart.resize()).observe(holder);
}
