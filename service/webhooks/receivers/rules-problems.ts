import type { WebhookSignature } from '../../../connectors/webhook-signature.ts'
import type { DeliveryRules } from './schema.ts'

/**
 * Why nothing could be verified by the rules, or more than is signed would be trusted; empty: they are sound.
 */
export function rulesProblems({ signature, eventId }: DeliveryRules): readonly string[] {
  const isUnsignedId =
    eventId.startsWith('header:') && eventId !== `header:${signature.idHeader ?? ''}`
  return [...signatureProblems(signature), ...(isUnsignedId ? [unsignedId] : [])]
}

function signatureProblems(signature: WebhookSignature): readonly string[] {
  const { signed, timestamp, idHeader, form, prefix } = signature
  const places = new Set([...signed.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name))
  const [place] = timestamp?.from.split(':') ?? []
  const isInBody = timestamp?.from.startsWith('/') === true
  const isSignedTime = timestamp !== null && !isInBody
  const problems: readonly (readonly [isProblem: boolean, field: string, text: string])[] = [
    [
      [...places].some((name) => !['body', 'timestamp', 'id'].includes(name ?? '')),
      'signed',
      'has only {body}, {timestamp} and {id} in braces',
    ],
    [
      timestamp !== null && !fromPattern.test(timestamp.from),
      'timestamp/from',
      'must be header:NAME, pair:NAME or a JSON pointer such as /sent_at',
    ],
    [
      place === 'pair' && form !== 'pairs',
      'timestamp/from',
      'pair:NAME needs a header of the form `pairs`',
    ],
    [
      isSignedTime && !places.has('timestamp'),
      'signed',
      'must contain {timestamp}: a time that is not signed can be forged',
    ],
    [
      !isSignedTime && places.has('timestamp'),
      'timestamp',
      'must say in which header or pair {timestamp} stands',
    ],
    [
      /\{id\}\{|\}\{id\}/.test(signed),
      'signed',
      'must have a separator such as `.` beside {id}: without one nobody knows where the id ends',
    ],
    [idHeader === null && places.has('id'), 'id_header', 'must say where {id} stands'],
    [
      idHeader !== null && !places.has('id'),
      'signed',
      'must contain {id}: an id that is not signed can be forged',
    ],
    [
      form === 'pairs' && !/^[\w-]+$/.test(prefix),
      'prefix',
      'must be the name of the pairs that hold a signature, such as v1',
    ],
  ]
  return problems.flatMap(([isProblem, field, text]) =>
    isProblem ? [`body/rules/signature/${field}: ${text}`] : [],
  )
}

/** An attacker that has seen a genuine delivery could send it again under any other id. */
const unsignedId =
  'body/rules/event_id: must be in the body, or be the header of `id_header`: another header is not signed, and can be forged'

const fromPattern = /^(?:header:[a-z0-9-]{1,100}|pair:[\w-]{1,100}|\/.*)$/
