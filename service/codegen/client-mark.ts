/** How a client begins: by it a file is known to be one. */
export const clientMark = '// Made by `reactor connect codegen '
