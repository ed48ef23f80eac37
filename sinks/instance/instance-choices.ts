/** The choices of a destination that is an instance, without the schema library: the command line shows them. */
export const instanceChoices = {
  writeDeletes: ['keep', 'delete'],
  writeMode: ['fast', 'guarded'],
} as const
