/**
 * The kind of a shared value. Both sides write a value as the same text if it is the same: numbers without
 * zeros at their end, times in UTC with microseconds.
 */
export type SharedKind = 'text' | 'number' | 'boolean' | 'time' | 'local_time' | 'date' | 'json'
