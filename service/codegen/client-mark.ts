/** The first line of a client, which identifies a generated file. */
export const clientMark = '// Made by `reactor connect codegen '
