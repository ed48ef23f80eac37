import { TransportError } from '../../contracts.ts'

const MEGABYTE = 1024 * 1024
/** One value of a response that is read piece by piece: a record, a line. */
const MAX_PIECE_BYTES = 128 * MEGABYTE

/** Throws when a piece of a response is larger than may be held. */
export function limitPiece(bytes: number, maxBytes = MAX_PIECE_BYTES): void {
  if (bytes <= maxBytes) return
  throw new TransportError(
    'limit',
    `One value of the response is larger than ${maxBytes / MEGABYTE} MB, which is more than a record may have. Ask the API for smaller records.`,
  )
}
