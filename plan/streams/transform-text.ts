import { z } from 'zod'
import { functionAddress } from '../../lib/net/function-address.ts'

/**
 * A transform changes the records of a stream between source and destination. The text is the same in a run
 * file and over HTTP.
 */
export const transformText = z
  .string()
  .regex(
    functionAddress,
    'must be function: and a name of letters, digits, - and _, at most 63 characters',
  )
