"""``python -m seawall`` is ``seawall``."""

from seawall.app.cli import main

if __name__ == "__main__":
    main()
