/* What is typed and not yet stored, kept in this browser for this user: a reload or a crash loses no letter. */
const DRAFT = "intake-draft:";
const DEFAULTS = "intake-defaults:";

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? null;
  } catch {
    return null;
  }
}

function write(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing (private window, full disk) must not stop the typing.
  }
}

/** One user's drafts; those of others who used this browser are thrown away, for they hold personal data. */
export function drafts(user) {
  try {
    for (const key of Object.keys(localStorage))
      if (key.startsWith(DRAFT) && key !== DRAFT + user) localStorage.removeItem(key);
  } catch {
    // As above.
  }
  return {
    draft: () => read(DRAFT + user),
    keep: (draft) => write(DRAFT + user, draft),
    drop: () => write(DRAFT + user, null),
    defaults: () => read(DEFAULTS + user) ?? {},
    keepDefaults: (values) => write(DEFAULTS + user, values),
  };
}
