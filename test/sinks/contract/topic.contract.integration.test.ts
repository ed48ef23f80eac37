import { openTopicLane } from '../../../sinks/topic/load/topic-lane.ts'
import { rejectedTopic } from '../../../sinks/topic/own-names.ts'
import type { RecordData } from '../../../protocol/index.ts'
import { silent } from '../../support/logger.ts'
import {
  asAdmin,
  dataOf,
  newestRows,
  openDestination,
  readTopic,
  topicTest,
} from '../topic/topic-support.ts'
import { destinationContract } from './destination-contract.ts'
import type { Place } from './subject.ts'

destinationContract(
  {
    name: 'topic',
    modes: ['append', 'append_dedup', 'overwrite', 'overwrite_dedup'],
    overwriteShows: 'with each commit',
    makePlace: () => Promise.resolve(makePlace()),
  },
  1,
)

function makePlace(): Place {
  const { place, connection, topic } = topicTest()
  return {
    connection,
    stream: 'things',
    config: { type: 'topic', ...place },
    open: () => Promise.resolve(openDestination({ place })),
    openLane: async (sync, partition = 0) => {
      const lane = await openTopicLane({ place, sync, partition, logger: silent })
      await lane.setColumns(sync.sink.columns)
      return lane
    },
    rows: async () => {
      const topics = await asAdmin(place, (admin) => admin.listTopics())
      if (!topics.includes(topic)) return []
      const messages = await readTopic(place, topic)
      const hasKeys = messages.some(({ key }) => key !== null)
      const rows = hasKeys ? newestRows(messages) : messages.map(({ value }) => value)
      return dataOf(rows) as readonly RecordData[]
    },
    rejections: async () => {
      const messages = await readTopic(place, rejectedTopic)
      return messages
        .filter(({ key }) => key === JSON.stringify([connection, null, 'things']))
        .map(({ value }) => value as { slice: string; seq: number; reason: string })
        .map(({ slice, seq, reason }) => ({ slice, seq, reason }))
    },
  }
}
