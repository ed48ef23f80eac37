import { z } from 'zod'
import { freeObject } from '../fields.ts'

/** The response of every route if it fails. `details` never contain a secret or a record's contents. */
export const errorDocument = z
  .object({
    error: z.object({
      code: z.string().meta({ description: 'Stable; each has a page, which `docs_url` links to.' }),
      message: z.string(),
      suggested_fix: z.string(),
      failure_type: z.enum(['config_error', 'transient_error', 'system_error']),
      docs_url: z.string().optional().meta({
        description:
          'The page of the code, with what to do about it: a URL, or a path on the same host. It needs no key.',
      }),
      details: freeObject.optional(),
      request_id: z.string(),
    }),
  })
  .meta({ id: 'Error' })
