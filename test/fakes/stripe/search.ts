import { isJsonObject, type JsonObject } from '../../../protocol/index.ts'
import { StripeRefusal } from './stripe-error.ts'

const clausePattern = /^(?:(?<field>\w+)|metadata\["(?<key>[^"]+)"\]):"(?<value>[^"]*)"$/

/** Supports only equality in Stripe's search language: `email:"…"` and `metadata["…"]:"…"`, joined by AND. */
export function matchesQuery(object: JsonObject, query: string): boolean {
  return query.split(/\s+AND\s+/).every((clause) => {
    const { field, key, value } = clausePattern.exec(clause.trim())?.groups ?? {}
    if (value === undefined)
      throw new StripeRefusal(400, {
        message: 'We were unable to parse your search query.',
        param: 'query',
      })
    if (field !== undefined) return object[field] === value
    return isJsonObject(object.metadata) && object.metadata[key ?? ''] === value
  })
}
