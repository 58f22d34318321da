"""The deployment for real: the Dockerfile's steps, the image's user on a read-only tree, the real proxy, a real browser.

It installs everything anew, which takes minutes: `make check-deployment`, as root on Linux with nginx and Chromium.
"""
