"""Where a project has alerts sent, and what became of each."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from database import webhooks
from evolution.people import Action
from server.pages import Cursor, Limit, Page, paged, place_of
from server.problem_details import problems as failures
from server.routes.projects import ProjectAccess, ProjectFor
from server.schemas.base import LARGEST_ID, Id
from server.schemas.webhooks import Delivery, NewWebhook, Webhook, WebhookRequest
from server.service import Served

router = APIRouter(prefix="/projects/{project}/webhooks", tags=["people"], responses=failures(401, 403, 404))
Administering = Annotated[ProjectAccess, Depends(ProjectFor(Action.ADMINISTER))]
WebhookNumber = Annotated[int, Path(ge=1, le=LARGEST_ID, description="id of a webhook")]


@router.post("", status_code=201, summary="Have alerts sent", responses=failures(409))
async def create_webhook(body: WebhookRequest, service: Served, access: Administering) -> NewWebhook:
    """Of what happens from now on. The secret is told now and never again. 409: the project has too many webhooks."""
    async with service.database.begin() as connection:
        made, secret = await webhooks.create(
            connection,
            access.project,
            url=body.url,
            secret=body.secret,
            kinds=body.kinds,
            shares=body.shares,
            plateau_evaluations=body.plateau_evaluations,
            plateau_seconds=body.plateau_seconds,
            by=access.caller,
        )
    return NewWebhook.model_validate(asdict(made) | {"secret": secret})


@router.get("", summary="List webhooks")
async def list_webhooks(service: Served, access: Administering) -> Page[Webhook]:
    """All of the project's, oldest first, on one page: it may have 20."""
    async with service.database.begin() as connection:
        found = await webhooks.listing(connection, access.project)
    return Page(items=[Webhook.model_validate(item, from_attributes=True) for item in found], next=None)


@router.delete("/{webhook}", status_code=204, summary="Delete a webhook")
async def delete_webhook(webhook: WebhookNumber, service: Served, access: Administering) -> Response:
    """Nothing is sent there any more; its deliveries are forgotten."""
    async with service.database.begin() as connection:
        await webhooks.delete(connection, access.project, webhook, by=access.caller)
    return Response(status_code=204)


@router.post("/{webhook}/test", status_code=202, summary="Have a test delivery sent")
async def test_webhook(webhook: WebhookNumber, service: Served, access: Administering) -> Delivery:
    """It is sent within about a second; its deliveries tell what came of it."""
    async with service.database.begin() as connection:
        made = await webhooks.test(connection, access.project, webhook)
    return Delivery.model_validate(made, from_attributes=True)


@router.get("/{webhook}/deliveries", summary="List deliveries")
async def list_deliveries(
    webhook: WebhookNumber, service: Served, access: Administering, limit: Limit = 50, cursor: Cursor = None
) -> Page[Delivery]:
    """What was sent, or is to be, newest first."""
    place = place_of(cursor, tuple[Id])
    async with service.database.begin() as connection:
        found = await webhooks.deliveries(connection, access.project, webhook, place[0] if place else None, limit + 1)
    items, following = paged(found, limit, lambda item: (item.id,))
    return Page(items=[Delivery.model_validate(item, from_attributes=True) for item in items], next=following)
