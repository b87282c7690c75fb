import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

class Backup {
    static final String PING_URL = "{{ ping_url }}";
    static final HttpClient CLIENT =
        HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    /** Gives up after three tries. */
    static void tell(String ending, String text) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(PING_URL + ending))
            .timeout(Duration.ofSeconds(10))
            .POST(HttpRequest.BodyPublishers.ofString(text))
            .build();
        String problem = "";
        for (int wait : new int[] {0, 2, 8}) {
            Thread.sleep(wait * 1000L);
            try {
                var answer = CLIENT.send(request, HttpResponse.BodyHandlers.discarding());
                if (answer.statusCode() < 300) return;
                problem = "status " + answer.statusCode();
            } catch (java.io.IOException error) {
                problem = error.toString();
            }
        }
        System.err.println("ping failed: " + problem);
    }

    public static void main(String[] args) throws Exception {
        tell("/start", "");
        try {
            backup();
        } catch (Throwable error) {
            tell("/fail", error.toString());
            throw error;
        }
        tell("", "");
    }
}
