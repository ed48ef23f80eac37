import { SourceError } from '../../contracts.ts'
import { component } from '../../definition.ts'
import { buildBodyParser } from './build-body-parser.ts'
import type { BodyParser } from './body-parser.ts'
import { ZipError, readZip, type ZipMember } from './read-zip.ts'
import type { Logger, Decoder } from '../../contracts.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import type { PlainDict, Value } from '../../value/value.ts'

/**
 * ZipfileDecoder: the values of all files of an archive, in its order. The archive is held, its files are
 * not.
 */
export function zipfileDecoder(definition: PlainDict, logger: Logger): Decoder {
  const parse = buildBodyParser(component(definition, 'decoder'), logger)
  const decode = (response: HttpResponse) => decodeMembers(response, parse)
  return {
    streams: false,
    decode,
    /** The first value, which the reference shows to paginators. */
    async whole(response) {
      for await (const values of decode(response)) if (values[0] !== undefined) return values[0]
      return {}
    },
  }
}

async function* decodeMembers(
  response: HttpResponse,
  parse: BodyParser,
): AsyncIterable<readonly Value[]> {
  try {
    for (const member of readZip(await response.bytes())) yield* decodeMember(member, parse)
  } catch (cause) {
    if (!(cause instanceof ZipError)) throw cause
    throw new SourceError('Received an invalid zip file in response.', {
      failureType: 'system_error',
      internalMessage: cause.message,
      cause,
    })
  }
}

async function* decodeMember(
  member: ZipMember,
  parse: BodyParser,
): AsyncIterable<readonly Value[]> {
  try {
    yield* parse(member.content())
  } catch (cause) {
    if (cause instanceof ZipError) throw cause
    throw new SourceError(`Failed to parse file: ${member.name} from zip file.`, {
      failureType: 'system_error',
      ...(cause instanceof Error && { internalMessage: cause.message }),
      cause,
    })
  }
}
