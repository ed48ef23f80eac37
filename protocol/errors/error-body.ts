import { z } from 'zod'
import { jsonObjectSchema } from '../json-object.ts'
import type { ErrorBody } from './connect-error.ts'

/** Why a run or a stream of it failed: `ConnectError.toJSON`, an error without `request_id`. */
export const errorBodySchema: z.ZodType<ErrorBody, ErrorBody> = z
  .object({
    code: z
      .custom<ErrorBody['code']>((value) => typeof value === 'string')
      .meta({ type: 'string' }),
    message: z.string(),
    suggested_fix: z.string(),
    failure_type: z.enum(['config_error', 'transient_error', 'system_error']),
    docs_url: z.string(),
    details: jsonObjectSchema.exactOptional(),
  })
  .meta({ id: 'Failure' })
