/** Lines or rows of a COPY that do not have the fields of their columns. */
export class MalformedCopy extends Error {}
