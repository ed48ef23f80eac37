import { htmlText } from '../../../lib/text/html-text.ts'

/** A small page for a person in a browser: no script, no style from elsewhere. */
export const page = {
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  },
  of(title: string, paragraphs: readonly string[]): string {
    const body = paragraphs.map((text) => `<p>${htmlText(text)}</p>`).join('\n')
    return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${htmlText(title)} · Reactor Connect</title>
<h1>${htmlText(title)}</h1>
${body}
</html>
`
  },
} as const
