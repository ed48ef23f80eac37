/** The end of a message about a name that is not known; empty if no other is like it. */
export function didYouMean(name: string | undefined): string {
  return name === undefined ? '' : ` Did you mean "${name}"?`
}
