import { instanceOptions } from './instance/instance-options.ts'
import { topicOptions } from './topic/topic-options.ts'

/**
 * The options that only one kind of destination has, flat among the options of a connection. A kind with
 * options has a line here, and their names in `DestinationKind.options`.
 */
export const destinationOptions = { ...topicOptions, ...instanceOptions }
