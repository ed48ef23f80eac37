import { streamIdOf } from '../../protocol/index.ts'
import { allModes, type DestinationKind } from '../destination-kind.ts'
import { topicAddressForm } from './connection-form.ts'
import { findSharedTopic, type TopicConfig } from './topic-place.ts'

const importDestination = () => import('./topic-destination.ts')
const importLane = () => import('./load/topic-lane.ts')

export const topicKind: DestinationKind<TopicConfig> = {
  type: 'topic',
  schemes: ['topic'],
  options: ['format', 'envelope', 'partitions'],
  capabilities: {
    modes: allModes,
    copyRows: false,
    lanesReopen: false,
    stages: false,
    tables: false,
    mergesByCursor: false,
  },
  words: {
    places: 'topics',
    readRows:
      'Read them with a client of Kafka, from the brokers of the service (`kafka.brokers`): docs/topic-destination.md.',
    stays:
      'its topics stay, with their rows, and so does its topic of checkpoints, which no run uses any more',
  },
  preload: () => {
    importDestination().catch(() => undefined) // the caller that opens it gets the error
  },
  open: async (config, options) => {
    const { openTopicDestination } = await importDestination()
    return openTopicDestination(config, options)
  },
  preloadLane: () => {
    importLane().catch(() => undefined) // the caller that opens the lane gets the error
  },
  openLane: async (config, lane) => {
    const { openTopicLane } = await importLane()
    return openTopicLane({ place: config, ...lane })
  },
  rejections: () => 'the topic connect-rejected',
  // Another stream of the run would be loaded into the same topic.
  refusal: (config, { stream }, { streams }) =>
    findSharedTopic(
      config,
      streamIdOf(stream.stream),
      streams.map((other) => streamIdOf(other.stream.stream)),
    ),
  requireStreams: async (config, streams, options) => {
    const { requireTopics } = await import('./require-topics.ts')
    requireTopics(config, streams, options)
  },
  texts: ({ servers, topic, registry }) => ({
    secrets: [servers.sasl?.password, registry?.password],
    names: [servers.sasl?.username, registry?.username, topic, ...servers.brokers],
  }),
  sandbox: {
    shows: 'messages',
    fingerprint: async (place, basis) => {
      const { takeSnapshot } = await import('./preview/take-snapshot.ts')
      const { snapshotFingerprint } = await import('./preview/topic-snapshot.ts')
      return snapshotFingerprint(await takeSnapshot({ place, ...basis }))
    },
  },
  connection: topicAddressForm,
  runFile: async () => {
    const { topicForm } = await import('./run-file-form.ts')
    return topicForm
  },
}
