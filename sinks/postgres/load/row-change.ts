/** A change of a value, as Airbyte's `_airbyte_meta` lists it. */
export interface Change {
  readonly field: string
  readonly change: 'NULLED' | 'TRUNCATED'
  readonly reason: 'DESTINATION_TYPECAST_ERROR' | 'DESTINATION_SERIALIZATION_ERROR'
}
