// The closed door says how many entries wait in this browser for somebody to sign in.
import { waitingOutside } from "./office.js";

waitingOutside().catch(() => {});
