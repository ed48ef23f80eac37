import { z } from 'zod'
import { webhookSignatureSchema } from '../../../connectors/webhook-signature.ts'
import { description, name, timestamp, versioned } from '../../platform/fields.ts'
import { snakeCaseSchema, type Resource } from '../../platform/wire.ts'
import { targetText } from './target.ts'

/**
 * A JSON pointer into the body, `form:` and the name of a field of a form, or `header:` and the name of a
 * header.
 */
const place = z
  .string()
  .max(200)
  .regex(
    /^(?:header:[a-z0-9-]{1,100}|(?:form:(?:[^/~]|~[01])|\/)(?:[^~]|~[01])*)$/,
    'must be a JSON pointer such as /id, form: and the name of a field, or header: and a name in lower case (in a pointer, ~ is written as ~0)',
  )
const placeInBody = z
  .string()
  .max(200)
  .regex(
    /^(?:form:(?:[^/~]|~[01])|\/)(?:[^~]|~[01])*$/,
    'must be a JSON pointer, such as /data/object/id, or form: and the name of a field of a form (~ is written as ~0)',
  )

/** How a sender that no connector describes signs and numbers what it sends. */
export const deliveryRulesSchema = z
  .strictObject({
    signature: webhookSignatureSchema,
    eventId: place.meta({
      description: 'Where the id of an event stands: repetitions have the same.',
    }),
    eventType: place.nullable().meta({ description: 'Where its type stands; null: it has none.' }),
    replayWindowSeconds: z.int().min(1).max(604_800).meta({
      description: 'How far the signed time may be from now, in both directions.',
    }),
  })
  .meta({ id: 'DeliveryRules' })
export type DeliveryRules = Resource<typeof deliveryRulesSchema>
export const deliveryRulesDocument = snakeCaseSchema(deliveryRulesSchema)

export const dispatchSchema = z
  .strictObject({
    target: targetText,
    orderBy: placeInBody.exactOptional().meta({
      description:
        'Events with the same value there reach the target in the order in which they came, one after the other. Default: no order.',
    }),
    sweepEvery: z.int().min(2).max(1_000).exactOptional().meta({
      description:
        'Only for `stream:CONNECTION/*`. While events keep all streams of the connection up to date, only every nth scheduled run starts, to find what an event has missed. Default: all.',
    }),
  })
  .meta({ id: 'Dispatch' })
export type Dispatch = Resource<typeof dispatchSchema>

const changeable = {
  dispatch: z.array(dispatchSchema).min(1).max(10),
  description,
}

/** The service makes none for a vendor that makes its own. Never stored in the metadata database. */
export const signingSecret = z.string().min(1).max(1_000)

export const receiverInputSchema = z
  .strictObject({
    name: name.exactOptional().meta({ description: 'Default: INSTANCE-WEBHOOK.' }),
    instance: name.exactOptional().meta({
      description:
        'Whose webhooks it receives. Default: a sender of your own, which `rules` describe.',
    }),
    webhook: z.string().max(100).exactOptional().meta({
      description:
        'Which webhook of its connector: `catalog show TYPE` lists them. Default: the only one.',
    }),
    rules: deliveryRulesSchema.exactOptional().meta({
      description:
        'For a connector without webhooks, and for a sender without a connector. Default there: Standard Webhooks.',
    }),
    signingSecret: signingSecret.exactOptional().meta({
      description:
        'What the sender signs with. Default: if you may choose it, the service makes one; else nothing is accepted until it is given.',
    }),
    ...changeable,
  })
  .meta({ id: 'ReceiverCreate' })
export type ReceiverInput = Resource<typeof receiverInputSchema>

export const receiverUpdateSchema = z
  .strictObject({ ...changeable, dispatch: changeable.dispatch.exactOptional() })
  .meta({ id: 'ReceiverUpdate' })
export type ReceiverUpdate = Resource<typeof receiverUpdateSchema>

export const receiverStatus = z.enum(['active', 'paused'])

const fields = {
  name,
  instance: name.nullable(),
  webhook: z.string().nullable(),
  rules: deliveryRulesSchema.nullable().meta({ description: 'null: those of the connector.' }),
  dispatch: z.array(dispatchSchema),
  description: z.string().nullable(),
  status: receiverStatus.meta({
    description: 'A paused one stores what comes and dispatches nothing.',
  }),
  hasSecret: z.boolean().meta({ description: 'False: it accepts nothing yet.' }),
  previousTokenUntil: timestamp
    .nullable()
    .meta({ description: 'The latest end of an address before: until then it works too.' }),
  previousSecretUntil: timestamp
    .nullable()
    .meta({ description: 'The latest end of a secret before: until then it is valid too.' }),
  warnings: z
    .array(z.string())
    .meta({ description: 'What keeps events from a target, such as a job without a handler.' }),
  ...versioned,
}
export const receiverSchema = z.object(fields).meta({ id: 'Receiver' })
export type Receiver = Resource<typeof receiverSchema>
export const receiverDocument = snakeCaseSchema(receiverSchema)

const shownSecrets = {
  signingSecret: z.string().nullable().meta({
    description: 'If the service made it: what the sender signs with. Shown only once.',
  }),
  dispatchSecret: z.string().nullable().meta({
    description:
      'If it is new: with it, deliveries to `url:` targets are signed, as Standard Webhooks. Shown only once.',
  }),
}

/** A receiver that was just created, or got another address: includes the values that are shown only then. */
export const newReceiverSchema = z
  .object({
    ...fields,
    ingressUrl: z.string().meta({
      description:
        'The address for the vendor. Shown only once: only a hash of its token is stored.',
    }),
    ...shownSecrets,
  })
  .meta({ id: 'NewReceiver' })
export type NewReceiver = Resource<typeof newReceiverSchema>
export const newReceiverDocument = snakeCaseSchema(newReceiverSchema)

/** Right after its secrets changed. */
export const receiverWithSecretsSchema = z
  .object({ ...fields, ...shownSecrets })
  .meta({ id: 'ReceiverWithSecrets' })
export type ReceiverWithSecrets = Resource<typeof receiverWithSecretsSchema>
export const receiverWithSecretsDocument = snakeCaseSchema(receiverWithSecretsSchema)

const grace = z.int().min(0).max(2_592_000).meta({
  description: 'For how long the one before is valid too; default: 86,400 (a day).',
})
export const rotateTokenSchema = z
  .strictObject({ graceSeconds: grace.exactOptional() })
  .meta({ id: 'ReceiverRotateToken' })
export const setSecretSchema = z
  .strictObject({
    signingSecret: signingSecret.exactOptional().meta({
      description: 'Default: the service makes one, if the sender lets you choose it.',
    }),
    graceSeconds: grace.exactOptional(),
  })
  .meta({ id: 'ReceiverSetSecret' })
export const rotateDispatchSecretSchema = z
  .strictObject({ graceSeconds: grace.exactOptional() })
  .meta({ id: 'ReceiverRotateDispatchSecret' })
