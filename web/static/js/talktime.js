/* Average talk time: a point for each agent and day over the band of what is normal. The table below says the same. */
import { $ } from "./dom.js";
import { duration, t } from "./texts.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const SHAPES = { normal: ["circle", "--st-talking"], short: ["rect", "--st-ringing"], long: ["diamond", "--c-danger"], few: ["emptyCircle", "--st-paused"] };

function options(data) {
  const ink = colour("--c-ink-2");
  const line = { lineStyle: { color: colour("--c-line") } };
  const series = Object.entries(SHAPES).map(([judgement, [symbol, paint]]) => ({
    type: "scatter",
    symbol,
    symbolSize: 11,
    itemStyle: { color: colour(paint) },
    data: data.points.filter((point) => point.judgement === judgement).map((point) => ({ value: [point.day, point.average], point })),
  }));
  series[0].markArea = {
    silent: true,
    itemStyle: { color: colour("--st-ready-soft"), opacity: 0.7 },
    label: { show: true, position: "insideTopLeft", color: ink, formatter: t("normal_band", { low: duration(data.low), high: duration(data.high) }) },
    data: [[{ yAxis: data.low }, { yAxis: data.high }]],
  };
  return {
    animation: false,
    aria: { enabled: true },
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily },
    grid: { left: 56, right: 16, top: 16, bottom: 32 },
    tooltip: {
      renderMode: "richText",
      backgroundColor: colour("--c-surface"),
      borderColor: colour("--c-line"),
      textStyle: { color: colour("--c-ink") },
      formatter: ({ data: item }) => `${item.point.name}\n${item.point.day_text}: ${duration(item.point.average)} · ${t("calls_count", { count: item.point.calls })}`,
    },
    xAxis: { type: "category", data: data.days, axisLabel: { color: ink, formatter: (day) => data.day_texts[data.days.indexOf(day)] }, axisLine: line },
    yAxis: { type: "value", axisLabel: { color: ink, formatter: (value) => duration(value) }, splitLine: line, interval: 60, max: (range) => Math.min(Math.ceil(Math.max(range.max, data.high) / 60 + 1) * 60, 1800) },
    series,
  };
}

const holder = $('[data-chart="talktime"]');
if (holder) {
  const chart = globalThis.echarts.init(holder, null, { renderer: "canvas" });
  chart.setOption(options(JSON.parse($(`#${holder.id}-data`).textContent)));
  new ResizeObserver(() => chart.resize()).observe(holder);
}
