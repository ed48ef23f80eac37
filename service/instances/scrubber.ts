/** Replaces secrets in a text by `***`, also where they stand inside JSON or a URL. */
export function scrubber(secrets: readonly string[]): (text: string) => string {
  const forms = secrets.flatMap((secret) => [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
  ])
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length)
  return (text) =>
    longestFirst.reduce((scrubbed, secret) => scrubbed.replaceAll(secret, '***'), text)
}
