// Every other page of a clerk: it fetches supplies, sends what waits, and locks up on the way out.
import { leaving, line, supplied } from "./office.js";

leaving();
supplied().then((supplies) => supplies && line(supplies)).catch(() => {});
