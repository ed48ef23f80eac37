/** A topic that rows go to, as it is. */
export interface TargetTopic {
  /** It was not there before. */
  readonly isNew: boolean
  /** Another topic of the same name has another id. Undefined if the brokers do not report topic ids. */
  readonly id: string | undefined
  readonly partitions: number
  readonly policy: string
  readonly maxMessageBytes: number
  /** The first offsets that are there, by partition. */
  readonly starts: readonly string[]
  /** The offsets that come next, by partition. */
  readonly ends: readonly string[]
}
