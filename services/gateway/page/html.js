// Templates without a build step: htm turns tagged templates into Preact's elements.
import htm from "./vendor/htm.js";
import { h } from "./vendor/preact.js";

export const html = htm.bind(h);
