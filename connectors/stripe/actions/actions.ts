import type { Action } from '../../action.ts'
import { createCustomer, deleteCustomer, updateCustomer } from './customers.ts'

/** In the order of the documentation. */
export const stripeActions: readonly Action[] = [createCustomer, updateCustomer, deleteCustomer]
