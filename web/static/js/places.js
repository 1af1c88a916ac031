/* Offers provinces, the cities of the one that is typed, the districts of both; whoever knows them goes on typing. */
import { $, ask } from "./dom.js";

const part = (name) => $(`[name="${name}"]`);
const text = (name) => part(name).value.trim();

async function offer(name, query) {
  const names = Object.values(query).every(Boolean) ? (await ask(`/api/v1/places?${new URLSearchParams(query)}`)).items : [];
  $(`#${name}-names`).replaceChildren(...names.map((one) => new Option(one, one)));
}

const below = {
  province: () => offer("city", { province: text("province") }).then(below.city),
  city: () => offer("district", { province: text("province"), city: text("city") }),
};

if (part("province")) {
  // Without help the form is as good as with it: what is wrong is said when it is saved.
  const quietly = (asked) => asked.catch(() => {});
  quietly(offer("province", {}));
  quietly(below.province());
  for (const name of Object.keys(below)) part(name).addEventListener("change", () => quietly(below[name]()));
}
