import type { Organization } from './organization.ts'
import { userId } from './organization.ts'

/** Some records of every object; `leads` of them leads. */
export function fillAcme(organization: Organization, { leads = 4 } = {}): void {
  seeAll(organization)
  for (let number = 1; number <= leads; number += 1) {
    organization.create('Lead', {
      FirstName: 'Ada',
      LastName: `Łukasz "${String(number)}"`,
      Company: `Acme, ${String(number)}\nLtd`,
      Email: `lead-${String(number)}@acme.example`,
    })
    if (number % 7 === 0) organization.pass(1)
  }
  const accounts = [1, 2, 3].map((number) =>
    organization.create('Account', {
      Name: `Account ${String(number)}`,
      BillingCity: 'Kraków',
      AnnualRevenue: 1_000_000.25 * number,
      Code__c: `A-${String(number)}`,
    }),
  )
  organization.pass(60)
  for (const AccountId of accounts) {
    const LastName = `Contact of ${AccountId}`
    const contact = organization.create('Contact', { LastName, AccountId, Birthdate: '1990-02-03' })
    organization.create('Opportunity', {
      Name: 'Deal',
      AccountId,
      StageName: 'Prospecting',
      CloseDate: '2026-05-01',
      Amount: 12.5,
    })
    organization.create('Task', { Subject: 'Call', WhoId: contact, WhatId: AccountId })
    organization.create('AccountHistory', { AccountId, Field: 'Name', NewValue: 'Account' })
    organization.create('Attachment', { ParentId: AccountId, Name: 'a.txt', Body: 'aGk=' })
    organization.create('Invoice__c', {
      Account__c: AccountId,
      Total__c: 99.95,
      Number__c: AccountId,
    })
    organization.create('OrgWideNote__c', { Name: 'Note', StartTime__c: '08:30:00.000Z' })
    organization.pass(90)
  }
}

/** The user has the permission to view all data. */
export function seeAll(organization: Organization): void {
  const PermissionSetId = organization.create('PermissionSet', {
    Name: 'Integration',
    PermissionsViewAllData: true,
  })
  organization.create('PermissionSetAssignment', { PermissionSetId, AssigneeId: userId })
}
