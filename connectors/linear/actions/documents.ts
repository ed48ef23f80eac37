/**
 * The GraphQL document of each action. The variables are the input types of Linear:
 * https://studio.apollographql.com/public/Linear-API/schema/reference
 */

const issueFields =
  'id identifier title description url priority estimate dueDate branchName labelIds trashed createdAt updatedAt archivedAt team { id key } state { id name type } assignee { id name email } project { id name } cycle { id number } parent { id identifier }'
const commentFields = 'id body url createdAt updatedAt issueId parentId user { id name }'
const projectFields =
  'id name description url startDate targetDate priority createdAt updatedAt archivedAt status { id name type } lead { id name }'
const attachmentFields =
  'id title subtitle url metadata createdAt updatedAt issue { id identifier }'
const labelFields =
  'id name description color isGroup createdAt updatedAt archivedAt team { id key } parent { id name }'
const teamFields =
  'id key name description private timezone createdAt updatedAt archivedAt parent { id key }'
const userFields =
  'id name displayName email url active admin guest app createdAt updatedAt archivedAt'
const stateFields =
  'id name type description color position createdAt updatedAt archivedAt team { id key }'
const cycleFields =
  'id number name description startsAt endsAt completedAt progress isActive isFuture isPast createdAt updatedAt archivedAt team { id key }'
const milestoneFields =
  'id name description targetDate sortOrder progress createdAt updatedAt archivedAt project { id name }'
const relationFields =
  'id type createdAt updatedAt archivedAt issue { id identifier title } relatedIssue { id identifier title }'

const pageVariables =
  '$first: Int, $after: String, $includeArchived: Boolean, $orderBy: PaginationOrderBy'
const pageArguments =
  'first: $first, after: $after, includeArchived: $includeArchived, orderBy: $orderBy, filter: $filter'
const pageInfo = 'pageInfo { hasNextPage endCursor }'

export const documents = {
  issueCreate: `mutation issueCreate($input: IssueCreateInput!) { issueCreate(input: $input) { success issue { ${issueFields} } } }`,
  issueUpdate: `mutation issueUpdate($id: String!, $input: IssueUpdateInput!) { issueUpdate(id: $id, input: $input) { success issue { ${issueFields} } } }`,
  issueArchive: `mutation issueArchive($id: String!, $trash: Boolean) { issueArchive(id: $id, trash: $trash) { success entity { ${issueFields} } } }`,
  issueUnarchive: `mutation issueUnarchive($id: String!) { issueUnarchive(id: $id) { success entity { ${issueFields} } } }`,
  issueAddLabel: `mutation issueAddLabel($id: String!, $labelId: String!) { issueAddLabel(id: $id, labelId: $labelId) { success issue { ${issueFields} } } }`,
  issueRemoveLabel: `mutation issueRemoveLabel($id: String!, $labelId: String!) { issueRemoveLabel(id: $id, labelId: $labelId) { success issue { ${issueFields} } } }`,
  issue: `query issue($id: String!) { issue(id: $id) { ${issueFields} } }`,
  commentCreate: `mutation commentCreate($input: CommentCreateInput!) { commentCreate(input: $input) { success comment { ${commentFields} } } }`,
  commentUpdate: `mutation commentUpdate($id: String!, $input: CommentUpdateInput!) { commentUpdate(id: $id, input: $input) { success comment { ${commentFields} } } }`,
  commentDelete: `mutation commentDelete($id: String!) { commentDelete(id: $id) { success entityId } }`,
  projectCreate: `mutation projectCreate($input: ProjectCreateInput!) { projectCreate(input: $input) { success project { ${projectFields} } } }`,
  projectUpdate: `mutation projectUpdate($id: String!, $input: ProjectUpdateInput!) { projectUpdate(id: $id, input: $input) { success project { ${projectFields} } } }`,
  attachmentCreate: `mutation attachmentCreate($input: AttachmentCreateInput!) { attachmentCreate(input: $input) { success attachment { ${attachmentFields} } } }`,
  issueLabelCreate: `mutation issueLabelCreate($input: IssueLabelCreateInput!) { issueLabelCreate(input: $input) { success issueLabel { ${labelFields} } } }`,
  teams: `query teams(${pageVariables}, $filter: TeamFilter) { teams(${pageArguments}) { nodes { ${teamFields} } ${pageInfo} } }`,
  users: `query users(${pageVariables}, $filter: UserFilter, $includeDisabled: Boolean) { users(${pageArguments}, includeDisabled: $includeDisabled) { nodes { ${userFields} } ${pageInfo} } }`,
  workflowStates: `query workflowStates(${pageVariables}, $filter: WorkflowStateFilter) { workflowStates(${pageArguments}) { nodes { ${stateFields} } ${pageInfo} } }`,
  issueLabels: `query issueLabels(${pageVariables}, $filter: IssueLabelFilter) { issueLabels(${pageArguments}) { nodes { ${labelFields} } ${pageInfo} } }`,
  searchIssues: `query searchIssues(${pageVariables}, $filter: IssueFilter, $term: String!, $includeComments: Boolean, $teamId: String) { searchIssues(${pageArguments}, term: $term, includeComments: $includeComments, teamId: $teamId) { nodes { ${issueFields} } totalCount ${pageInfo} } }`,
  issues: `query issues(${pageVariables}, $filter: IssueFilter) { issues(${pageArguments}) { nodes { ${issueFields} } ${pageInfo} } }`,
  projects: `query projects(${pageVariables}, $filter: ProjectFilter) { projects(${pageArguments}) { nodes { ${projectFields} } ${pageInfo} } }`,
  project: `query project($id: String!) { project(id: $id) { ${projectFields} } }`,
  projectMilestones: `query projectMilestones(${pageVariables}, $filter: ProjectMilestoneFilter) { projectMilestones(${pageArguments}) { nodes { ${milestoneFields} } ${pageInfo} } }`,
  cycles: `query cycles(${pageVariables}, $filter: CycleFilter) { cycles(${pageArguments}) { nodes { ${cycleFields} } ${pageInfo} } }`,
  comments: `query comments(${pageVariables}, $filter: CommentFilter) { comments(${pageArguments}) { nodes { ${commentFields} } ${pageInfo} } }`,
  issueRelations: `query issueRelations($id: String!, $first: Int) { issueRelations: issue(id: $id) { id identifier relations(first: $first) { nodes { ${relationFields} } ${pageInfo} } inverseRelations(first: $first) { nodes { ${relationFields} } ${pageInfo} } } }`,
  issueRelationCreate: `mutation issueRelationCreate($input: IssueRelationCreateInput!) { issueRelationCreate(input: $input) { success issueRelation { ${relationFields} } } }`,
  issueRelationDelete: `mutation issueRelationDelete($id: String!) { issueRelationDelete(id: $id) { success entityId } }`,
  viewer: `query viewer { viewer { ${userFields} } }`,
} as const
