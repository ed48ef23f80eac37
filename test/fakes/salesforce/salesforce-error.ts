/** A refusal as Salesforce words it. */
export class SalesforceError extends Error {
  readonly status: number
  readonly errorCode: string
  readonly fields: readonly string[]

  constructor(
    errorCode: string,
    message: string,
    { status = 400, fields = [] }: { readonly status?: number; readonly fields?: string[] } = {},
  ) {
    super(message)
    this.name = 'SalesforceError'
    this.errorCode = errorCode
    this.status = status
    this.fields = fields
  }

  /** An element of the list that is the body of a response. */
  get body(): object {
    const { message, errorCode, fields } = this
    return { message, errorCode, ...(fields.length > 0 && { fields }) }
  }

  /** An error among the results of several records. */
  get result(): object {
    const { message, errorCode: statusCode, fields } = this
    return { statusCode, message, fields }
  }
}
