/** A file that is not what its format says. The message completes "the file cannot be read: it …". */
export class MalformedRows extends Error {}
