// Only what draws a code: the package can also write images.
export { encode } from "uqr";
