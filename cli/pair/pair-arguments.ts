import type { SideName } from '../../sinks/two-way/link.ts'
import type { Resolution } from '../../plan/pair/review-pair.ts'

interface OfFile {
  readonly file: string
  readonly json: boolean
}

/** `reactor connect pair …` as it was parsed. */
export type PairArguments =
  | (OfFile & {
      readonly command: 'run' | 'follow'
      readonly token: string | undefined
    })
  | (OfFile & { readonly command: 'preview' })
  | (OfFile & { readonly command: 'list' })
  | (OfFile & { readonly command: 'show'; readonly id: string })
  | (OfFile & { readonly command: 'resolve'; readonly id: string; readonly resolution: Resolution })
  | (OfFile & {
      readonly command: 'history'
      readonly stream: string
      readonly side: SideName
      readonly record: string
    })
