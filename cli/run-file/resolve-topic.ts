import type { z } from 'zod'
import type { DestinationConfig } from '../../engine/run-types.ts'
import { findNameProblem, topicPlace } from '../../sinks/topic/topic-place.ts'
import { type AddProblem, checkedConfig } from './destination-problem.ts'
import type { FileProblem } from './file-problem.ts'
import { defaultKafka, topicConfig, type RunFile } from './run-file-schema.ts'

type TopicFields = z.infer<typeof topicConfig>

const urlScheme = 'topic:'

/** A destination of topics. Adds to `problems` and gives undefined if something is missing or wrong. */
export function resolveTopic(
  { destination, log }: Pick<RunFile, 'destination' | 'log'>,
  problems: FileProblem[],
  add: AddProblem,
): DestinationConfig | undefined {
  const config = checkedConfig(topicConfig, destination.config, problems)
  if (config === undefined) return undefined
  const topic = topicOf(destination.url, config, add)
  const problem = topic === undefined ? undefined : findNameProblem(topic)
  if (problem !== undefined) {
    const field = destination.url === undefined ? ['config', 'topic'] : ['url']
    add({ field, problem, fix: 'Choose another name for the topic.' })
  }
  refuseIdleFields(config, add)
  if (topic === undefined || problem !== undefined) return undefined
  const { partitions, format, envelope } = config
  const [servers, registry] = [serversOf(config, log), registryOf(config)]
  return {
    type: 'topic',
    ...topicPlace({ servers, topic, partitions, format, envelope, registry }),
  }
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

type Servers = Omit<Extract<DestinationConfig, { type: 'topic' }>['servers'], 'clientId'>

/** Those of the log if the destination has none of its own. */
function serversOf({ brokers, ssl = false, sasl }: TopicFields, log: RunFile['log']): Servers {
  if (brokers !== undefined) return { brokers, ssl, ...(sasl !== undefined && { sasl }) }
  const kafka = typeof log === 'object' ? log.kafka : defaultKafka
  return {
    brokers: kafka.brokers,
    ssl: kafka.ssl,
    ...(kafka.sasl !== undefined && { sasl: kafka.sasl }),
  }
}

function registryOf(
  config: TopicFields,
): Extract<DestinationConfig, { type: 'topic' }>['registry'] | undefined {
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
