"""The proxy's headers, set for a page of the app."""

import re

from playwright.sync_api import Page, Route

from tests.deployment.files import security_headers


def guard(page: Page) -> None:
    """Let each page of the app come with the proxy's headers."""
    headers = {name.lower(): value for name, value in security_headers().items()}

    def answer(route: Route) -> None:
        if route.request.resource_type != "document":
            route.continue_()
            return
        found = route.fetch()
        route.fulfill(response=found, headers=found.headers | headers)

    page.route(re.compile(r"^\w+://[^/]+/\w*(\?.*)?$"), answer)  # what else a page asks for comes without a detour
    # of a page that was handed over like this, Chromium does not know that it is as local as the server that it talks to
    page.context.grant_permissions(["local-network-access"])
