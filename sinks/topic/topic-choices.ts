/** The choices of options of topics, without the schema library: the command line shows them. */
export const topicChoices = {
  /** The format of rows in topics. */
  format: ['json', 'avro'],
  envelope: ['row', 'debezium'],
} as const
