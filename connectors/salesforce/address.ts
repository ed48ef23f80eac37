import { ConnectError, type JsonObject, type JsonValue } from '../../protocol/index.ts'

/** Versions live for three years at least: 66.0 is of Spring '26. */
export const apiVersion = '66.0'
/** Below the address of the organization. */
export const dataPath = `services/data/v${apiVersion}`

const loginHosts = new Set(['login.salesforce.com', 'test.salesforce.com'])
const salesforceHost =
  /\.(?:salesforce\.com|salesforce\.mil|force\.com|cloudforce\.com|sfcrmproducts\.cn)$/

/**
 * Where the organization is, without a slash at its end: a proxy or simulator, what Salesforce said when the
 * user authorized, or My Domain. The manifest has the same choice.
 */
export function organizationUrl(config: JsonObject): string {
  const { api_url: api, instance_url: instance } = config
  const given = textOf(api) ?? textOf(instance) ?? `https://${domainOf(config)}`
  return given.replace(/\/+$/, '')
}

/** Throws `source_config_invalid` if the address cannot be one of an organization. */
export function requireAddress(config: JsonObject): void {
  const instance = textOf(config.instance_url)
  if (textOf(config.api_url) !== undefined) return
  if (instance === undefined) {
    if (loginHosts.has(domainOf(config)))
      throw invalid(
        '`domain`: set it to your My Domain, such as `acme.my.salesforce.com` (Setup > My Domain), or authorize in the browser, which finds the organization',
      )
    return
  }
  const url = URL.canParse(instance) ? new URL(instance) : undefined
  const isKnown =
    url !== undefined && (salesforceHost.test(url.hostname) || url.hostname === domainOf(config))
  if (url?.protocol !== 'https:' || !isKnown || url.username !== '' || url.password !== '')
    throw invalid('`instance_url`: it is no https address of Salesforce; authorize again')
}

/** Whether it is a sandbox, whose records are copies. */
export function isSandbox(config: JsonObject): boolean {
  const domain = domainOf(config)
  return domain === 'test.salesforce.com' || domain.includes('.sandbox.my.')
}

export function domainOf({ domain }: JsonObject): string {
  return textOf(domain)?.toLowerCase() ?? 'login.salesforce.com'
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function invalid(problems: string): ConnectError {
  return new ConnectError('source_config_invalid', {
    details: { connector: 'salesforce', problems },
  })
}
