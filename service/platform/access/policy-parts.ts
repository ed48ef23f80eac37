import * as cedar from '@cedar-policy/cedar-wasm/nodejs'

/** The facts that a decision depends on, if a rule looks at the resource. */
export interface SpeaksOf {
  /** It depends on the name of the instance or connection. */
  readonly byName: boolean
  /** It depends on facts that have to be looked up. */
  readonly byFacts: boolean
}

/** `text` must be valid Cedar. Says yes if it is not sure. */
export function speaksOf(text: string): SpeaksOf {
  const parts = cedar.policySetTextToParts(text)
  if (parts.type === 'failure') return { byName: true, byFacts: true }
  const results = parts.policies.map(ofPolicy)
  return {
    byName: results.some(({ byName }) => byName),
    byFacts: results.some(({ byFacts }) => byFacts),
  }
}

function ofPolicy(policy: string): SpeaksOf {
  const parsed = cedar.policyToJson(policy)
  if (parsed.type === 'failure') return { byName: true, byFacts: true }
  const { resource, conditions } = parsed.json
  const inConditions = JSON.stringify(conditions)
  const aboutAny = resource.op === 'All' || (resource.op === 'is' && resource.in === undefined)
  return {
    byName: !aboutAny || inConditions.includes('{"Var":"resource"}'),
    byFacts: /"attr":(?:\[[^\]]*)?"(?:type|instance)"/.test(inConditions),
  }
}
