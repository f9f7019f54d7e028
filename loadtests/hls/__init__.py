"""The lanes of an HLS visit: playlists, segments, picture, and what they share. Rules: docs/viewer.md."""
