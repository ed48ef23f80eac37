import { z } from 'zod'
import { instanceChoices } from './instance-choices.ts'
import { writeRule } from './mapping/write-rules.ts'

/** The options of a connection that writes into an instance. */
export const instanceOptions = {
  writes: z.array(writeRule).min(1).max(1000).exactOptional().meta({
    description:
      'For a destination `instance:NAME`: the object, the key and the fields of streams. Default: the object with the name of the stream, and fields with the names of its columns.',
  }),
  writeDeletes: z.enum(instanceChoices.writeDeletes).exactOptional().meta({
    description:
      'For a destination `instance:NAME`: records that are gone at the source stay at the vendor, or are deleted there; default `keep`.',
  }),
  writeMode: z.enum(instanceChoices.writeMode).exactOptional().meta({
    description:
      'For a destination `instance:NAME`: `guarded` changes a record only if nobody has changed it since our last write; default `fast`.',
  }),
}
