/** The choices of its options, without the schema library: the command line shows them. */
export const instanceChoices = {
  writeDeletes: ['keep', 'delete'],
  writeMode: ['fast', 'guarded'],
} as const
