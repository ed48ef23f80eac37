import { z } from 'zod'
import { topicChoices } from './topic-choices.ts'

/** The options of a connection to topics. */
export const topicOptions = {
  format: z.enum(topicChoices.format).exactOptional().meta({
    description: 'Of the messages, for a destination `topic:NAME`; default `json`.',
  }),
  envelope: z.enum(topicChoices.envelope).exactOptional().meta({
    description:
      'For a destination `topic:NAME`: the row alone, or in the envelope of Debezium’s connectors; default `row`.',
  }),
  partitions: z.int().min(1).max(10_000).exactOptional().meta({
    description: 'Of topics that are made for a destination `topic:NAME`; default 6.',
  }),
}
