import { z } from 'zod'

/** A manifest before it is imported. */
export interface ManifestFile {
  /** A path or a URL. */
  readonly from: string
  readonly text: string
  /** The folder around it, where schemas may stand beside it; undefined for one from elsewhere. */
  readonly folder?: string
  /** The text of a `components.py` that came with it. One in its folder is found there. */
  readonly components?: string | undefined
  /** Undefined for one that is not published anywhere. */
  readonly origin?: ManifestOrigin
}

export const manifestOriginSchema = z.strictObject({
  /** `airbyte:pokeapi`. */
  from: z.string(),
  /** The version of the connector at Airbyte. */
  version: z.string(),
  /** The hash of the text of the manifest, in hexadecimal. */
  sha256: z.string(),
})
export type ManifestOrigin = Readonly<z.output<typeof manifestOriginSchema>>
