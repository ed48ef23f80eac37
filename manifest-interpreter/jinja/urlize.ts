import { escapeHtml } from './markup.ts'

const web =
  /^(?:(?:https?:\/\/|www\.)(?:(?:[\w%-]+\.)+)?(?:[a-z]{2,63}|xn--[\w%]{2,59})|(?:[\w%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)|https?:\/\/(?:\d{1,3}(?:\.\d{1,3}){3}|\[(?:[\da-f]{0,4}:){2}(?:[\da-f]{0,4}:?){1,6}\]))(?::\d{1,5})?(?:[/?#]\S*)?$/i
const email = /^\S+@\w[\w.-]*\.\w+$/
const brackets = [
  ['(', ')'],
  ['<', '>'],
  ['&lt;', '&gt;'],
] as const

export interface UrlizeOptions {
  /** Longer addresses are shown cut. */
  readonly limit: number | undefined
  readonly nofollow: boolean
  readonly target: string | undefined
  readonly rel: string | undefined
}

/** Text, escaped already, with its web and mail addresses as links. */
export function urlize(text: string, options: UrlizeOptions): string {
  const words = text.split(/(\s+)/)
  return words.map((word) => linked(word, options)).join('')
}

function linked(word: string, options: UrlizeOptions): string {
  const head = /^(?:[(<]|&lt;)+/.exec(word)?.[0] ?? ''
  const { middle, tail } = balanced(word.slice(head.length))
  return head + link(middle, options) + tail
}

/** Punctuation behind an address is none of it, unless it closes a bracket that the address has. */
function balanced(word: string): { readonly middle: string; readonly tail: string } {
  let tail = /(?:[)>.,\n]|&gt;)+$/.exec(word)?.[0] ?? ''
  let middle = word.slice(0, word.length - tail.length)
  for (const [open, close] of brackets) {
    const opened = middle.split(open).length
    if (opened <= middle.split(close).length) continue
    for (let i = 1; i < opened && tail.includes(close); i++) {
      const end = tail.indexOf(close) + close.length
      middle += tail.slice(0, end)
      tail = tail.slice(end)
    }
  }
  return { middle, tail }
}

function link(address: string, options: UrlizeOptions): string {
  if (web.test(address)) {
    const href = /^https?:\/\//.test(address) ? address : `https://${address}`
    return `<a href="${href}"${attributes(options)}>${shown(address, options.limit)}</a>`
  }
  const mail = address.startsWith('mailto:') ? address.slice(7) : address
  const isMail = mail !== address || !/^(?:www\.|@)|:/.test(address)
  return isMail && email.test(mail) ? `<a href="mailto:${mail}">${mail}</a>` : address
}

function attributes({ nofollow, rel, target }: UrlizeOptions): string {
  const relations = new Set([...(rel ?? '').split(/\s+/).filter(Boolean), 'noopener'])
  if (nofollow) relations.add('nofollow')
  const list = escapeHtml([...relations].sort().join(' '))
  return ` rel="${list}"${target === undefined ? '' : ` target="${escapeHtml(target)}"`}`
}

function shown(address: string, limit: number | undefined): string {
  return limit !== undefined && address.length > limit ? `${address.slice(0, limit)}...` : address
}
