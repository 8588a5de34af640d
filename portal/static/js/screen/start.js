// Begins the page. The page itself (page.js) can be loaded ahead by others, and then does nothing yet.

import { begin } from "./page.js";

begin();
