import { z } from 'zod'
import { brokersField, saslField } from '../../kafka/kafka-fields.ts'
import { baseUrl } from '../../lib/net/address-fields.ts'
import type { AddProblem, RunFileForm } from '../run-file-form.ts'
import { topicChoices } from './topic-choices.ts'
import {
  findNameProblem,
  type TopicChoice,
  type TopicConfig,
  type TopicPlace,
  topicPlace,
} from './topic-place.ts'

const name = z.string().min(1)

/** `destination.config` of topics. */
const topicFields = z.strictObject({
  topic: name.optional(),
  /** `${PARTITIONS}` is text after the expansion. */
  partitions: z
    .union([z.number(), z.string().regex(/^\d+$/, 'must be a whole number').transform(Number)])
    .pipe(z.int().min(1))
    .optional(),
  format: z.enum(topicChoices.format).optional(),
  envelope: z.enum(topicChoices.envelope).optional(),
  brokers: brokersField.optional(),
  ssl: z.boolean().optional(),
  sasl: saslField.optional(),
  schema_registry_url: baseUrl.optional(),
  schema_registry_username: name.optional(),
  schema_registry_password: z.string().optional(),
})
type TopicFields = z.infer<typeof topicFields>

const urlScheme = 'topic:'

export const topicForm: RunFileForm<TopicConfig> = {
  resolve: ({ url, config: document, logServers }, { check, add }) => {
    const config = check(topicFields, document)
    if (config === undefined) return undefined
    const topic = topicOf(url, config, add)
    const problem = topic === undefined ? undefined : findNameProblem(topic)
    if (problem !== undefined) {
      const field = url === undefined ? ['config', 'topic'] : ['url']
      add({ field, problem, fix: 'Choose another name for the topic.' })
    }
    refuseIdleFields(config, add)
    if (topic === undefined || problem !== undefined) return undefined
    const { partitions, format, envelope } = config
    const [servers, registry] = [serversOf(config, logServers), registryOf(config)]
    return {
      type: 'topic',
      ...topicPlace({ servers, topic, partitions, format, envelope, registry }),
    }
  },
}

function topicOf(
  url: string | undefined,
  { topic }: TopicFields,
  add: AddProblem,
): string | undefined {
  if (url === undefined) {
    const fix = 'Add `topic` to destination.config: a name, or a pattern such as `shop.{stream}`.'
    if (topic === undefined) add({ field: ['config', 'topic'], problem: 'is missing', fix })
    return topic
  }
  if (!url.startsWith(urlScheme)) {
    add({ field: ['url'], problem: 'does not begin with `topic:`', fix: 'Write `topic:NAME`.' })
    return undefined
  }
  if (topic !== undefined) {
    const fix = 'Remove it, or remove `url`.'
    add({ field: ['config', 'topic'], problem: 'is given by `url` already', fix })
  }
  return url.slice(urlScheme.length)
}

/** Fields that nothing would use. */
function refuseIdleFields(config: TopicFields, add: AddProblem): void {
  const { schema_registry_url: url, schema_registry_username: username } = config
  const refuse = (field: keyof TopicFields, problem: string, fix: string): void => {
    if (config[field] !== undefined) add({ field: ['config', field], problem, fix })
  }
  if (config.format !== 'avro')
    refuse(
      'schema_registry_url',
      'is for `format: avro`: rows in JSON need no schema',
      'Remove it, or set `format: avro`.',
    )
  if (url === undefined)
    for (const field of ['schema_registry_username', 'schema_registry_password'] as const)
      refuse(field, 'needs `schema_registry_url`', 'Add the address of the registry, or remove it.')
  if (username === undefined && url !== undefined)
    refuse('schema_registry_password', 'needs `schema_registry_username`', 'Add the user.')
  if (config.brokers === undefined)
    for (const field of ['ssl', 'sasl'] as const)
      refuse(
        field,
        'needs `brokers`: without them, those of the log and its settings are used',
        'Add `brokers`, or set it under `log`.',
      )
}

type Servers = TopicChoice['servers']

/** Those of the log if the destination has none of its own. */
function serversOf({ brokers, ssl = false, sasl }: TopicFields, ofLog: Servers): Servers {
  return brokers === undefined ? ofLog : { brokers, ssl, ...(sasl !== undefined && { sasl }) }
}

function registryOf(config: TopicFields): TopicPlace['registry'] | undefined {
  const {
    schema_registry_url: url,
    schema_registry_username: username,
    schema_registry_password: password,
  } = config
  if (url === undefined) return undefined
  return {
    url,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  }
}
