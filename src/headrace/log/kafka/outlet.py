"""The way of dead letters out to a topic of their own."""

from collections.abc import Sequence

from headrace.log.kafka.sending import Sender


class KafkaOutlet:
    """Publishes dead letters; each at least once."""

    def __init__(self, sender: Sender, topic: str) -> None:
        self._sender = sender
        self._topic = topic

    async def publish(self, letters: Sequence[tuple[bytes | None, bytes]]) -> None:
        """Send (key, envelope) pairs and return when the brokers have them. Raises ``Unavailable``: send them again."""
        if letters:
            self._sender.start()
            await self._sender.send([(self._topic, -1, key, value) for key, value in letters]).done
