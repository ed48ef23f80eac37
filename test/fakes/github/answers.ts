import type { VendorAnswer } from '../vendors/vendor-api.ts'

const documentation = 'https://docs.github.com/rest'

export function refusal(status: number, message: string, more: object = {}): VendorAnswer {
  return {
    status,
    body: { message, documentation_url: documentation, status: String(status), ...more },
  }
}

export const notFound = refusal(404, 'Not Found')

export function invalid(resource: string, field: string, code: string): VendorAnswer {
  return refusal(422, 'Validation Failed', { errors: [{ resource, field, code }] })
}
